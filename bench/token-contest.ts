import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bareCheck } from './bare-check.js';
import { asyncWorker, callsPerSecond, type Work, type Worker, worker } from './call-rate.js';
import { startProductCheck } from './product-check.js';
import { newSigningKey } from './signing-key.js';
import { compareRounds, median, type Ratio } from './statistics.js';
import type { TokenCheck } from './token-checks.js';

/** Milliseconds in which garbage goes and timers run that a round has held up. */
const PAUSE = 50;
/** Milliseconds. */
const TURN = 20;

export const WAYS = ['product', 'withoutQuery', 'bare'] as const;
export type Way = (typeof WAYS)[number];

/** Checks a second of each way: median of the rounds. */
export interface TokenResult extends Record<Way, number> {
  check: TokenCheck;
  /** The product's rate as a share of the bare operation's. */
  ratio: Ratio;
}

/** Measures all ways to check one and the same token, one after the other in one process. */
export async function tokenContest(
  check: TokenCheck,
  { folder, rounds, seconds }: { folder: string; rounds: number; seconds: number },
): Promise<TokenResult> {
  const { algorithm, name } = check;
  const key = newSigningKey(algorithm);
  const product = await startProductCheck(join(folder, `${name}.sqlite`), key.settings);
  try {
    const { token } = product;
    const bare = (signed: string) => bareCheck(algorithm, key.verifying, signed);
    await requireSignatureToCount(token, {
      product: product.check,
      withoutQuery: product.checkWithoutQuery,
      bare: async (signed) => assert.ok(bare(signed)(), 'invalid signature'),
    });
    const rates = await takeTurns(rounds, seconds, {
      product: asyncWorker(() => product.check(token)),
      withoutQuery: asyncWorker(() => product.checkWithoutQuery(token)),
      bare: worker(bare(token)),
    });
    return {
      check,
      product: median(rates.product),
      withoutQuery: median(rates.withoutQuery),
      bare: median(rates.bare),
      ratio: compareRounds(rates.product, rates.bare),
    };
  } finally {
    await product.close();
  }
}

/** @returns calls a second, for each round */
async function takeTurns(
  rounds: number,
  seconds: number,
  workers: Record<Way, Worker>,
): Promise<Record<Way, number[]>> {
  await round(seconds, workers);
  const rates: Record<Way, number[]> = { product: [], withoutQuery: [], bare: [] };
  for (let i = 0; i < rounds; i++) {
    const work = await round(seconds, workers);
    for (const way of WAYS) rates[way].push(callsPerSecond(work[way]));
  }
  return rates;
}

/** Gives each way as many seconds, in turns so short that what disturbs one disturbs them all. */
async function round(seconds: number, workers: Record<Way, Worker>): Promise<Record<Way, Work[]>> {
  const work: Record<Way, Work[]> = { product: [], withoutQuery: [], bare: [] };
  await sleep(PAUSE);
  for (let turn = 0; turn < (seconds * 1000) / TURN; turn++) {
    for (const way of turn % 2 === 0 ? WAYS : WAYS.toReversed()) {
      work[way].push(await workers[way](TURN));
    }
  }
  return work;
}

/**
 * What takes any signature, or none, does other work, and its rate would mean nothing.
 *
 * @throws Error where a way refuses the token, or does not refuse its forgery for the signature
 */
async function requireSignatureToCount(
  token: string,
  ways: Record<Way, (signed: string) => Promise<unknown>>,
): Promise<void> {
  const forged = withOtherSignature(token);
  for (const way of WAYS) {
    await ways[way](token);
    await assert.rejects(
      ways[way](forged),
      (error) => messages(error).includes('invalid signature'),
      `${way}: a forged token is not refused as one.`,
    );
  }
}

/** As well-formed as before, and a bit of it is another. */
function withOtherSignature(token: string): string {
  const start = token.lastIndexOf('.') + 1;
  const signature = Buffer.from(token.slice(start), 'base64url');
  signature[signature.length - 1]! ^= 1;
  return token.slice(0, start) + signature.toString('base64url');
}

/** What an error says, and what the errors say that it comes from. */
function messages(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...messages(error.cause)] : [];
}
