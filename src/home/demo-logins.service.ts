import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';

/** A login with a public password, for a person who tries the service. */
export interface DemoLogin {
  name: string;
  password: string;
}

/** Lists the logins that the home page and the start show in development. */
@Injectable()
export class DemoLoginsService {
  private readonly lists: (() => Promise<DemoLogin[]>)[] = [];

  constructor(private readonly config: AppConfig) {}

  /** @param list returns the logins that work at the moment */
  register(list: () => Promise<DemoLogin[]>): void {
    this.lists.push(list);
  }

  /** Empty in production. */
  async list(): Promise<DemoLogin[]> {
    if (this.config.production) return [];
    return (await Promise.all(this.lists.map((list) => list()))).flat();
  }
}
