import { InvalidArgumentError } from 'commander';

/** Returns a function that reads the value of an option, which must be an integer. */
export function integerOption(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && Number.isSafeInteger(value)) return value;
    throw new InvalidArgumentError(`It must be an integer of at least ${min}.`);
  };
}
