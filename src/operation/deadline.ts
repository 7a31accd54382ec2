/**
 * Waits for `work` for a limited time. What is late goes on, and its outcome is ignored.
 *
 * @param timeout in milliseconds
 * @throws Error with `message` when the time is over; and whatever `work` rejects with
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timeout: number,
  message: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), timeout);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
