import { StartError } from '../errors/start-error.js';
import { isAddressRange, isWiderThanNetwork } from './address-range.js';

/** One or more settings are invalid. The message has a sentence for each of them. */
export class SettingsError extends StartError {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;
type Unit = keyof typeof SECONDS;

/** A name of a setting, and the unit of a bare number under this name. */
interface SettingName {
  name: string;
  bareUnit?: Unit;
}

/** The value of a setting, if it is set, and the name under which it was found. */
export interface Found {
  value?: string;
  name: string;
  bareUnit?: Unit;
}

/**
 * Reads settings by name and collects all problems, so that the person who starts the service sees
 * all of them at once. An empty value counts as unset.
 */
export class SettingsReader {
  private readonly problems: string[] = [];
  private readonly warnings: string[] = [];

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  /** Adds a problem that prevents the start; see `finish`. */
  problem(message: string): void {
    this.problems.push(message);
  }

  /** Adds a problem that does not prevent the start. */
  warning(message: string): void {
    this.warnings.push(message);
  }

  /**
   * @returns the warnings
   * @throws SettingsError if there are problems
   */
  finish(): readonly string[] {
    if (this.problems.length > 0) throw new SettingsError(this.problems);
    return this.warnings;
  }

  raw(name: string): string | undefined {
    const value = this.env[name]?.trim();
    return value === '' ? undefined : value;
  }

  text(name: string, ...aliases: string[]): string | undefined {
    return this.setting(name, ...aliases).value;
  }

  /** Returns the value of a setting, and the name under which it was found. */
  setting(...names: string[]): Found {
    return this.oneOf(names.map((name) => ({ name })));
  }

  choice<T extends string>(
    name: string,
    choices: readonly T[],
    fallback: T,
    ...aliases: string[]
  ): T {
    const { value, name: usedName } = this.setting(name, ...aliases);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    this.problem(`${usedName} is invalid: use ${anyOf(choices)}.`);
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.choice(name, ['true', 'false'], fallback ? 'true' : 'false') === 'true';
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    this.problem(`${name} is invalid: use an integer from ${min} to ${max}.`);
    return fallback;
  }

  /** A duration in seconds, written as `30s`, `15m`, `12h`, `30d` or `2w`, from `min` to `max`. */
  duration(
    name: string,
    fallback: string,
    options: { bareUnit?: Unit; also?: SettingName[]; min?: number; max?: number } = {},
  ) {
    const main: SettingName = { name, ...(options.bareUnit && { bareUnit: options.bareUnit }) };
    const found = this.oneOf([main, ...(options.also ?? [])], seconds);
    const text = found.value ?? fallback;
    const result = seconds(text, found.bareUnit);
    const { min = 1, max = Infinity } = options;
    if (result !== undefined && result > max) {
      this.problem(`${found.name}: "${text}" is too long; use at most ${max}s.`);
      return max;
    }
    if (result !== undefined && result >= min) return result;
    const bare = found.bareUnit ? `, or a bare number of ${unitNames[found.bareUnit]}` : '';
    this.problem(`${found.name} is invalid: use a duration such as 30s, 15m, 12h or 30d${bare}.`);
    return 1;
  }

  /** IP addresses and CIDR ranges of networks, separated by commas. */
  addresses(name: string): string[] {
    const list = splitList(this.raw(name) ?? '');
    for (const address of list) {
      const isRange = isAddressRange(address);
      if (isRange && !isWiderThanNetwork(address)) continue;
      const problem = isRange
        ? 'is wider than any private network, so clients could forge their addresses'
        : 'is not an address';
      this.problem(
        `${name}: "${address}" ${problem}; use the proxies' addresses, such as 10.0.0.2 or 10.0.0.0/8, separated by commas.`,
      );
    }
    return list;
  }

  /** Origins of web pages (RFC 6454, section 6.1), separated by commas. */
  origins(name: string): string[] {
    const list = splitList(this.raw(name) ?? '');
    for (const origin of list) {
      if (isOrigin(origin)) continue;
      this.problem(
        `${name}: "${origin}" is not an origin; use the origins of the web pages, such as https://app.example.com, separated by commas.`,
      );
    }
    return list;
  }

  /**
   * Returns the value under any of the names. Different values under two of them are a problem.
   */
  private oneOf(
    names: SettingName[],
    normalize: (value: string, bareUnit?: Unit) => unknown = (value) => value,
  ): Found {
    const set = names.flatMap((each) => {
      const value = this.raw(each.name);
      return value === undefined ? [] : [{ ...each, value }];
    });
    const [first, ...others] = set;
    if (first === undefined) return { name: '', ...names[0] };
    for (const other of others) {
      if (normalize(other.value, other.bareUnit) === normalize(first.value, first.bareUnit))
        continue;
      this.problem(
        `${first.name} and ${other.name} are aliases of the same setting with different values; set only one of them.`,
      );
    }
    return first;
  }
}

const unitNames: Record<Unit, string> = {
  s: 'seconds',
  m: 'minutes',
  h: 'hours',
  d: 'days',
  w: 'weeks',
};

const TEN_YEARS = 3650 * SECONDS.d;

function seconds(text: string, bareUnit?: Unit): number | undefined {
  const match = /^(\d{1,9})([smhdw])?$/.exec(text);
  const unit = (match?.[2] as Unit | undefined) ?? bareUnit;
  if (!match || unit === undefined) return undefined;
  const result = Number(match[1]) * SECONDS[unit];
  return result <= TEN_YEARS ? result : undefined;
}

function isOrigin(text: string): boolean {
  if (!/^https?:/.test(text) || !URL.canParse(text)) return false;
  return new URL(text).origin === text;
}

export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function anyOf(choices: readonly string[]): string {
  if (choices.length < 2) return choices.join('');
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
}
