/**
 * Loaded into each measured server (`--import`): it answers the messages of the benchmark. `cpu` asks
 * for the CPU time that the process has taken, in microseconds, with all its threads; `memory` asks for
 * its memory, in bytes.
 */
process.on('message', (question) => {
  const { user, system } = process.cpuUsage();
  process.send?.(question === 'memory' ? process.memoryUsage.rss() : user + system);
});
// The channel must not keep a server alive that has closed everything else.
process.channel?.unref();
