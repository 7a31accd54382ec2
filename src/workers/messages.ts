import type { WindowCounterOptions } from '../scheduling/window-counter.js';

/** One use of keys of a counter that the primary keeps for all workers. */
export interface CountRequest {
  name: string;
  options: WindowCounterOptions;
  keys: string[];
}

/** Metrics in the form of prom-client's `getMetricsAsJSON`. */
export interface WorkerMetric {
  name: string;
  help: string;
  type: string;
  aggregator: string;
  values: { value: number; labels: Record<string, string | number>; metricName?: string }[];
}

/** What a worker asks the primary: the question and its answer. */
export interface Questions {
  /** Waits for the turn to write. */
  turn: { question: null; answer: null };
  /** Counts a use; the answer is that of `WindowCounter.take`. */
  count: { question: CountRequest; answer: number };
  /** The metrics of all workers, in the text format of Prometheus. */
  metrics: { question: null; answer: string };
}

export type QuestionName = keyof Questions;

type Question = {
  [Name in QuestionName]: { type: Name; id: number; question: Questions[Name]['question'] };
}[QuestionName];

export type ToPrimary =
  | Question
  /** The worker serves requests. */
  | { type: 'ready' }
  /** Ends a turn, or gives up waiting for it. */
  | { type: 'end turn'; id: number }
  /** The answer to `collect`. */
  | { type: 'collected'; id: number; metrics: WorkerMetric[] };

export type ToWorker =
  | { type: 'answer'; id: number; answer: unknown }
  | { type: 'failure'; id: number; message: string }
  /** Asks for the metrics of the worker. */
  | { type: 'collect'; id: number };
