/** The bucket failed to give an object: nothing is known of its bytes. */
export class UnreadError extends Error {
  override readonly name = "UnreadError";
}

/** A call of the bucket, whose failures are told from those of the database. */
export async function fromBucket<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new UnreadError(String(error), { cause: error });
  }
}

/** What passes is not told of. */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof UnreadError)) throw error;
    return read();
  }
}
