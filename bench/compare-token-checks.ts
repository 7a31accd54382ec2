import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  callsPerSecond,
  type Repeat,
  repeatAsyncCall,
  repeatCall,
  type TimedCalls,
} from './call-rate.js';
import { startProductTokenCheck } from './product-token-check.js';
import { prepareSignatureCheck } from './signature-check.js';
import { generateSigningKey } from './signing-key.js';
import { compareRounds, median, type Ratio } from './statistics.js';
import type { TokenCheck } from './token-checks.js';

/** Milliseconds for the garbage collection and the timers that the last round has delayed. */
const PAUSE = 50;
/** The time that one variant runs before the next one takes over, in milliseconds. */
const TURN = 20;

const VARIANTS = ['product', 'withoutQuery', 'signatureOnly'] as const;
type Variant = (typeof VARIANTS)[number];

/** Checks per second of each variant, as the median of the rounds. */
export interface TokenResult extends Record<Variant, number> {
  check: TokenCheck;
  /** The rate of the product divided by that of the signature check alone. */
  ratio: Ratio;
}

/** Measures all variants of the check of one token, in turns and in one process. */
export async function compareTokenChecks(
  check: TokenCheck,
  { folder, rounds, seconds }: { folder: string; rounds: number; seconds: number },
): Promise<TokenResult> {
  const { algorithm, name } = check;
  const key = generateSigningKey(algorithm);
  const product = await startProductTokenCheck(join(folder, `${name}.sqlite`), key.settings);
  try {
    const { token } = product;
    const prepare = (signed: string) => prepareSignatureCheck(algorithm, key.verifying, signed);
    await requireRefusedForgery(token, {
      product: product.check,
      withoutQuery: product.checkWithoutQuery,
      signatureOnly: async (signed) => assert.ok(prepare(signed)(), 'invalid signature'),
    });
    const rates = await measureRates(rounds, seconds, {
      product: repeatAsyncCall(() => product.check(token)),
      withoutQuery: repeatAsyncCall(() => product.checkWithoutQuery(token)),
      signatureOnly: repeatCall(prepare(token)),
    });
    return {
      check,
      product: median(rates.product),
      withoutQuery: median(rates.withoutQuery),
      signatureOnly: median(rates.signatureOnly),
      ratio: compareRounds(rates.product, rates.signatureOnly),
    };
  } finally {
    await product.close();
  }
}

/** @returns calls per second for each round */
async function measureRates(
  rounds: number,
  seconds: number,
  variants: Record<Variant, Repeat>,
): Promise<Record<Variant, number[]>> {
  // The first round only warms the code up.
  await runRound(seconds, variants);
  const rates: Record<Variant, number[]> = { product: [], withoutQuery: [], signatureOnly: [] };
  for (let i = 0; i < rounds; i++) {
    const turns = await runRound(seconds, variants);
    for (const name of VARIANTS) rates[name].push(callsPerSecond(turns[name]));
  }
  return rates;
}

/** Runs each variant for the same time, in turns so short that a disturbance affects them all. */
async function runRound(
  seconds: number,
  variants: Record<Variant, Repeat>,
): Promise<Record<Variant, TimedCalls[]>> {
  const turns: Record<Variant, TimedCalls[]> = { product: [], withoutQuery: [], signatureOnly: [] };
  await sleep(PAUSE);
  for (let turn = 0; turn < (seconds * 1000) / TURN; turn++) {
    for (const name of turn % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
      turns[name].push(await variants[name](TURN));
    }
  }
  return turns;
}

/**
 * Makes sure that each variant verifies the signature. Otherwise its rate would be meaningless.
 *
 * @throws Error if a variant refuses the token, or does not refuse one with another signature
 */
async function requireRefusedForgery(
  token: string,
  checks: Record<Variant, (signed: string) => Promise<unknown>>,
): Promise<void> {
  const forged = withOtherSignature(token);
  for (const name of VARIANTS) {
    await checks[name](token);
    await assert.rejects(
      checks[name](forged),
      (error) => messagesOf(error).includes('invalid signature'),
      `${name}: a forged token is not refused for its signature.`,
    );
  }
}

/** Changes one bit of the signature, so that the token stays well-formed. */
function withOtherSignature(token: string): string {
  const start = token.lastIndexOf('.') + 1;
  const signature = Buffer.from(token.slice(start), 'base64url');
  signature[signature.length - 1]! ^= 1;
  return token.slice(0, start) + signature.toString('base64url');
}

/** The message of an error, followed by those of its causes. */
function messagesOf(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...messagesOf(error.cause)] : [];
}
