import { Injectable } from '@nestjs/common';

/** Whether the service is shutting down. */
@Injectable()
export class LifecycleService {
  private stopping = false;

  get isStopping(): boolean {
    return this.stopping;
  }

  /** From now on, the service is not ready, and responses close their connections. */
  stop(): void {
    this.stopping = true;
  }
}
