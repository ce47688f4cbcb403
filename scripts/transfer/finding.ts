/** A measurement, and whether it is what it has to be. */
export interface Finding {
  readonly text: string;
  readonly isMet: boolean;
}
