import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { passOnConnections } from '../../src/workers/pass-on-connections.js';

class FakeWorker {
  readonly sent: unknown[][] = [];
  readonly events = new EventEmitter();
  readonly process = Object.assign(this.events, {
    send: (...parameters: unknown[]) => this.sent.push(parameters) > 0,
  }) as unknown as ChildProcess;
}

class FakeConnection {
  isClosed = false;

  get fd(): number {
    return this.isClosed ? -1 : 7;
  }

  close(): void {
    this.isClosed = true;
  }
}

describe('passOnConnections', () => {
  let worker: FakeWorker;
  let other: FakeWorker | undefined;
  let connection: FakeConnection;
  const message = { act: 'newconn', seq: 3 };

  beforeEach(() => {
    worker = new FakeWorker();
    other = new FakeWorker();
    connection = new FakeConnection();
    passOnConnections(worker, () => other);
    worker.process.send(message, connection as never);
  });

  it('gives a connection that a worker has not accepted to another one when it has ended', () => {
    worker.events.emit('disconnect');
    worker.events.emit('exit');
    expect(other!.sent).toEqual([]);
    worker.events.emit('close');
    expect(other!.sent).toEqual([[message, connection]]);
  });

  it('keeps a connection that the worker has accepted', () => {
    connection.close();
    worker.events.emit('close');
    expect(other!.sent).toEqual([]);
  });

  it('closes the connection if no worker serves requests', () => {
    other = undefined;
    worker.events.emit('close');
    expect(connection.isClosed).toBe(true);
  });

  it('removes the worker from the list of cluster before it passes connections on', () => {
    const events: string[] = [];
    worker.events.once('disconnect', () => events.push(`disconnect, ${other!.sent.length} sent`));
    worker.events.emit('close');
    expect(events).toEqual(['disconnect, 0 sent']);
  });
});
