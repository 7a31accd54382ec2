/**
 * Loaded into each measured server (`--import`): it answers a message of the benchmark with the CPU
 * time that the process has taken, in microseconds, with all its threads.
 */
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
// The channel must not keep a server alive that has closed everything else.
process.channel?.unref();
