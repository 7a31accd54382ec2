import { Injectable } from '@nestjs/common';

/** Holds the path that the home page suggests for a first request. */
@Injectable()
export class FirstRequestService {
  private suggested = '/health/ready';

  get path(): string {
    return this.suggested;
  }

  /** @param path of a route that needs no token */
  suggest(path: string): void {
    this.suggested = path;
  }
}
