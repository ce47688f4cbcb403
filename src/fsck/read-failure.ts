/** The bucket failed to return an object: nothing is known of its bytes. */
export class ReadFailure extends Error {
  override readonly name = "ReadFailure";
}

/** Calls the bucket, so that its failures can be told from those of the database. */
export async function fromBucket<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new ReadFailure(String(error), { cause: error });
  }
}

/** Tries a read twice, so that a temporary failure is not reported. */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ReadFailure)) throw error;
    return read();
  }
}
