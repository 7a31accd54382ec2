/** Stands for the value of a parameter, while TypeORM builds the text of a query. */
const MARK = '\u0000parameter:';

export function placeholder(name: string): string {
  return MARK + name;
}

export function isPlaceholder(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(MARK);
}

/** The name of the parameter that a placeholder stands for. */
export function nameOf(placeholder: string): string {
  return placeholder.slice(MARK.length);
}
