import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';

/** The events that are counted, and their texts in the log. */
const SECURITY_EVENTS = {
  credentials_refused: 'A password or a token was refused',
  rate_limited: 'Too many requests were refused (429)',
  login_delayed: 'Logins to an account are delayed after failures',
  refresh_reused: 'A rotated refresh token was reused, and its session has ended',
  refresh_repeated: 'A rotated refresh token was sent again within its grace period',
  limit_not_shared: 'Attempts were counted in this process alone, because Redis did not answer',
  log_lost: 'Lines of the log could not be written',
  unavailable: 'A request was answered with 503',
} as const;

export type SecurityEvent = keyof typeof SECURITY_EVENTS;

/** Events that are only counted: logins and refreshes by their result, and errors by their code. */
type CountedEvent = SecurityEvent | 'login' | 'refresh' | 'error';

/** Events to causes to occurrences. */
export type EventTotals = Partial<Record<CountedEvent, Record<string, number>>>;

/** The maximum number of causes of one event. Further causes are counted as `other`. */
const MAX_CAUSES = 64;
/** Milliseconds between two warnings about the same event and cause. */
const INTERVAL = 60_000;

interface Counter {
  /** Occurrences since the start. */
  total: number;
  /** Occurrences since the last warning. */
  unreported: number;
  /** The latest occurrence. */
  example: string;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Counts logins, errors, attacks and outages in this process, by event and cause. `warn` also logs a
 * warning: about the first occurrence at once, and then once a minute with the number of further
 * ones, so that neither an attack nor an outage can fill the log.
 */
@Injectable()
export class SecurityEventsService implements OnModuleDestroy {
  private readonly logger = new Logger(SecurityEventsService.name);
  private readonly counters = new Map<CountedEvent, Map<string, Counter>>();

  count(event: CountedEvent, cause: string, times = 1): void {
    this.counterOf(event, cause).total += times;
  }

  /** @param example what tells one occurrence from another, such as the request and the session */
  warn(event: SecurityEvent, cause: string, example: string): void {
    const counter = this.counterOf(event, cause);
    counter.total++;
    counter.unreported++;
    counter.example = example;
    if (counter.timer === undefined) this.report(event, cause, counter);
  }

  /** How often each event has happened since the start, by cause. */
  totals(): EventTotals {
    const totalsOf = (causes: Map<string, Counter>) =>
      Object.fromEntries([...causes].map(([cause, { total }]) => [cause, total]));
    return Object.fromEntries(
      [...this.counters].map(([event, causes]) => [event, totalsOf(causes)]),
    );
  }

  /** Reports what was counted since the last warning. */
  onModuleDestroy(): void {
    for (const [event, causes] of this.counters) {
      for (const [cause, counter] of causes) {
        clearTimeout(counter.timer);
        if (counter.unreported > 0) this.log(event as SecurityEvent, cause, counter);
      }
    }
  }

  private report(event: SecurityEvent, cause: string, counter: Counter): void {
    counter.timer = undefined;
    if (counter.unreported === 0) return;
    this.log(event, cause, counter);
    counter.timer = setTimeout(() => this.report(event, cause, counter), INTERVAL).unref();
  }

  private log(event: SecurityEvent, cause: string, counter: Counter): void {
    const { unreported, example } = counter;
    const number = unreported === 1 ? '' : `${unreported} times in the last minute, such as `;
    this.logger.warn(`${SECURITY_EVENTS[event]} (${cause}): ${number}${example}`);
    counter.unreported = 0;
  }

  private counterOf(event: CountedEvent, cause: string): Counter {
    const causes = this.counters.get(event) ?? new Map<string, Counter>();
    this.counters.set(event, causes);
    const name = causes.has(cause) || causes.size < MAX_CAUSES ? cause : 'other';
    const counter = causes.get(name) ?? newCounter();
    causes.set(name, counter);
    return counter;
  }
}

function newCounter(): Counter {
  return { total: 0, unreported: 0, example: '', timer: undefined };
}
