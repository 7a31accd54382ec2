/**
 * Runs the built service under npm, and stops it when npm's shell ends. npm forwards SIGTERM to
 * that shell only, and dash and BusyBox end without forwarding it to the service.
 */
import { clearInterval, setInterval } from 'node:timers';

const shell = process.ppid;
/** The check interval in milliseconds. */
const INTERVAL = 200;

const timer = setInterval(() => {
  if (process.ppid === shell) return;
  // Sent once, because a second signal makes the service exit immediately.
  clearInterval(timer);
  process.kill(process.pid, 'SIGTERM');
}, INTERVAL);
timer.unref();

await import('../dist/src/main.js');
