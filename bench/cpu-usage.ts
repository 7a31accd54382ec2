import cluster, { type Worker } from 'node:cluster';

/** A message in which a worker tells the primary its CPU time in microseconds. */
interface WorkerCpu {
  cpu: number;
}

/**
 * Loaded into each measured server (`--import`): it answers the messages of the benchmark. `cpu` asks
 * for the CPU times of the process and of its workers, in microseconds, with all their threads;
 * `memory` asks for the memory of the process, in bytes.
 */
process.on('message', (question) => {
  if (question === 'memory') process.send?.(process.memoryUsage.rss());
  if (question !== 'cpu') return;
  const { user, system } = process.cpuUsage();
  const own = user + system;
  if (cluster.isWorker) process.send?.({ cpu: own } satisfies WorkerCpu);
  else void workerTimes().then((workers) => process.send?.({ own, workers }));
});
// The channel must not keep a server alive that has closed everything else.
if (cluster.isPrimary) process.channel?.unref();

function workerTimes(): Promise<number[]> {
  return Promise.all(Object.values(cluster.workers ?? {}).map((worker) => timeOf(worker!)));
}

function timeOf(worker: Worker): Promise<number> {
  return new Promise((resolve) => {
    const receive = ({ cpu }: Partial<WorkerCpu>): void => {
      if (cpu === undefined) return;
      worker.off('message', receive);
      resolve(cpu);
    };
    worker.on('message', receive);
    worker.send('cpu');
  });
}
