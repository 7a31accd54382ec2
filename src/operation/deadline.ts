/**
 * Waits for `work` until a timeout. After that, the work continues, but its outcome is ignored.
 *
 * @param timeout in milliseconds
 * @throws Error with `message` after the timeout, or the error of `work`
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
