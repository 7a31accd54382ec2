/**
 * Runs the built service under npm, and ends it when npm's shell ends. npm passes SIGTERM on to that
 * shell, which ends without passing it on if it is dash or BusyBox.
 */
import { clearInterval, setInterval } from 'node:timers';

const shell = process.ppid;
const INTERVAL = 200;

const timer = setInterval(() => {
  if (process.ppid === shell) return;
  // Once: the service takes a second signal as a request to end at once.
  clearInterval(timer);
  process.kill(process.pid, 'SIGTERM');
}, INTERVAL);
timer.unref();

await import('../dist/src/main.js');
