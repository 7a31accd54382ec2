import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import type { Reading } from './probe.js';

const WARM_UP = 50;

const { origin, path, token } = workerData as Reading;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };

function read(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(origin + path, { agent, headers }, (response) => {
      response.resume().once('end', resolve).once('error', reject);
    }).once('error', reject);
  });
}

for (let i = 0; i < WARM_UP; i++) await read();
let stopped = false;
parentPort?.once('message', () => (stopped = true));
parentPort?.postMessage('ready');
let longest = 0;
while (!stopped) {
  const begin = performance.now();
  await read();
  longest = Math.max(longest, performance.now() - begin);
}
agent.destroy();
parentPort?.postMessage(longest);
