import { createHash } from 'node:crypto';

/** The API keys whose owners get a token without a login. Replace this by your own logic. */
export class ApiKeys {
  private readonly owners: ReadonlyMap<string, string>;

  /** @param owners the subject of the tokens for each key */
  constructor(owners: Readonly<Record<string, string>>) {
    this.owners = new Map(Object.entries(owners).map(([key, owner]) => [digest(key), owner]));
  }

  ownerOf(key: string): string | null {
    return this.owners.get(digest(key)) ?? null;
  }
}

/** Keys are hashed, so that the time of a look-up reveals nothing about them. */
function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
