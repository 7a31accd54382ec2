import cluster from 'node:cluster';
import { unavailable } from '../errors/api-error.js';
import { messageOf } from '../errors/error-message.js';
import type { QuestionName, Questions, ToPrimary, ToWorker, WorkerMetric } from './messages.js';

/** The part of `process` that exchanges messages with the primary. */
interface MessagePort {
  send?: (message: ToPrimary) => boolean;
  on: (event: 'message', listener: (message: ToWorker) => void) => unknown;
}

interface Waiting {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

/**
 * A worker's connection to the primary process. It needs no timeout for lost answers, because Node
 * ends a worker whose primary has ended.
 */
export class WorkerChannel {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private collect: () => Promise<WorkerMetric[]> = () => Promise.resolve([]);

  constructor(
    private readonly port: MessagePort,
    /** Whether this is the first worker, whose log says what the start of the service has to say. */
    readonly isFirst: boolean,
  ) {
    port.on('message', (message) => this.receive(message));
  }

  /** Tells the primary that this worker serves requests. */
  ready(): void {
    this.send({ type: 'ready' });
  }

  /** @param collect returns the metrics of this worker */
  answerCollections(collect: () => Promise<WorkerMetric[]>): void {
    this.collect = collect;
  }

  /** @throws Error if the primary cannot answer */
  ask<Name extends QuestionName>(
    type: Name,
    question: Questions[Name]['question'],
  ): Promise<Questions[Name]['answer']> {
    return this.askWith(++this.lastId, type, question);
  }

  /**
   * Waits until no other worker writes to the database.
   *
   * @param deadline see `performance.now`
   * @returns a function that ends the turn
   * @throws ApiError 503 after the deadline
   */
  async takeTurn(deadline: number): Promise<() => void> {
    const id = ++this.lastId;
    const end = (): void => this.send({ type: 'end turn', id });
    const timer = setTimeout(
      () => {
        this.waiting.get(id)?.reject(unavailable('other workers have written for too long'));
        this.waiting.delete(id);
        end();
      },
      Math.max(0, deadline - performance.now()),
    );
    try {
      await this.askWith(id, 'turn', null);
    } finally {
      clearTimeout(timer);
    }
    return end;
  }

  private askWith<Name extends QuestionName>(
    id: number,
    type: Name,
    question: Questions[Name]['question'],
  ): Promise<Questions[Name]['answer']> {
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.send({ type, id, question } as ToPrimary);
    });
  }

  private receive(message: ToWorker): void {
    if (message.type === 'collect') return void this.sendMetrics(message.id);
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'answer') waiting?.resolve(message.answer as never);
    else waiting?.reject(new Error(message.message));
  }

  private async sendMetrics(id: number): Promise<void> {
    const metrics = await this.collect().catch((error: unknown) => {
      process.emitWarning(`The metrics of a worker are incomplete: ${messageOf(error)}`);
      return [];
    });
    this.send({ type: 'collected', id, metrics });
  }

  private send(message: ToPrimary): void {
    this.port.send?.(message);
  }
}

/** The channel of this process; null if the service runs in one process. */
export const workerChannel: WorkerChannel | null = cluster.isWorker
  ? new WorkerChannel(process, cluster.worker?.id === 1)
  : null;

/** Whether this is the only process, or the first worker: it says what the start has to say. */
export const isFirstProcess = workerChannel?.isFirst ?? true;
