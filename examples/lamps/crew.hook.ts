import { TokenHook, type TokenHooks } from '../../src/tokens/token-hooks.js';
import type { Token } from '../../src/tokens/token.js';

/** The members of the crew, by user id. Replace this by your own table. */
export class Crew {
  constructor(readonly shifts: ReadonlyMap<string, string>) {}
}

/** Adds a claim, and an entry of the scope, to the tokens of users who belong to the crew. */
@TokenHook()
export class CrewHook implements TokenHooks {
  constructor(private readonly crew: Crew) {}

  addClaims({ subject }: Token) {
    return this.crew.shifts.has(subject) ? { shift: this.crew.shifts.get(subject) } : null;
  }

  addScope({ subject }: Token) {
    return this.crew.shifts.has(subject) ? { lamps: ['write'] } : null;
  }
}
