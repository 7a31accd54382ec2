/** What a check found. */
export interface Finding {
  check: string;
  /** A problem keeps the service from working or from being safe. */
  status: 'ok' | 'warning' | 'problem';
  /** A sentence; what to do, unless it is ok. */
  message: string;
}

/** Returns functions that make the findings of a check. */
export function findings(check: string) {
  const make = (status: Finding['status']) => (message: string) => ({ check, status, message });
  return { ok: make('ok'), warning: make('warning'), problem: make('problem') };
}

/** Returns the findings, or that everything is in order if there are none. */
export function orOk(found: readonly Finding[], ok: Finding): Finding[] {
  return found.length > 0 ? [...found] : [ok];
}
