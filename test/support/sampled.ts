/** What a line of output begins with that says what was drawn: the reporter gathers these. */
export const SAMPLED = "sampled: ";
