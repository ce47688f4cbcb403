/** The bucket failed to give an object: nothing is known of its bytes. */
export class ReadFailure extends Error {
  override readonly name = "ReadFailure";
}

/** A call of the bucket, whose failures are told from those of the database. */
export async function fromBucket<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new ReadFailure(String(error), { cause: error });
  }
}

/** What passes is not told of. */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ReadFailure)) throw error;
    return read();
  }
}
