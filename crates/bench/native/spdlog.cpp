// C++ spdlog behind six functions in C, for the process that measures: its asynchronous logger in front of its rotating
// file. It measures nothing itself, so that it is timed, counted and looked at exactly as every other peer.
#include <spdlog/async.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace {
struct Peer {
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
    std::uint64_t overrun = 0;
};
} // namespace

extern "C" {

// The peer, with one thread and a queue of the default size; null if it cannot be opened.
void *spool_bench_open(const char *path, std::uint64_t max_bytes, std::uint64_t backups, int lossy) {
    try {
        auto peer = std::make_unique<Peer>();
        peer->pool = std::make_shared<spdlog::details::thread_pool>(spdlog::details::default_async_q_size, 1U);
        auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, max_bytes, backups);
        auto policy = lossy ? spdlog::async_overflow_policy::overrun_oldest : spdlog::async_overflow_policy::block;
        peer->logger = std::make_shared<spdlog::async_logger>("bench", std::move(sink), peer->pool, policy);
        peer->logger->set_pattern("%v");
        return peer.release();
    } catch (...) {
        return nullptr;
    }
}

// Hands over a line without its newline.
void spool_bench_write(void *peer, const char *line, std::size_t bytes) {
    static_cast<Peer *>(peer)->logger->log(spdlog::level::info, spdlog::string_view_t(line, bytes));
}

// The same at its level "err".
void spool_bench_write_error(void *peer, const char *line, std::size_t bytes) {
    static_cast<Peer *>(peer)->logger->log(spdlog::level::err, spdlog::string_view_t(line, bytes));
}

// Asks for what waits to be written; returns before it is.
void spool_bench_flush(void *peer) { static_cast<Peer *>(peer)->logger->flush(); }

// Messages that were overwritten in the queue so far.
std::uint64_t spool_bench_lost(void *peer) {
    auto *it = static_cast<Peer *>(peer);
    return it->pool ? it->pool->overrun_counter() : it->overrun;
}

// Writes what waits and ends the thread; the count stays to be asked for. No flush before it: that would be a message
// itself, and could overwrite one.
void spool_bench_close(void *peer) {
    auto *it = static_cast<Peer *>(peer);
    it->logger.reset();
    it->overrun = it->pool->overrun_counter();
    it->pool.reset();
}
}
