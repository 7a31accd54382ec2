import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import type { ProbeOptions } from './probe.js';

const WARM_UPS = 50;

const { origin, path, token } = workerData as ProbeOptions;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };

function read(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(origin + path, { agent, headers }, (response) => {
      response.resume().once('end', resolve).once('error', reject);
    }).once('error', reject);
  });
}

for (let i = 0; i < WARM_UPS; i++) await read();
let stopped = false;
parentPort?.once('message', () => (stopped = true));
parentPort?.postMessage('ready');
let longest = 0;
while (!stopped) {
  const start = performance.now();
  await read();
  longest = Math.max(longest, performance.now() - start);
}
agent.destroy();
parentPort?.postMessage(longest);
