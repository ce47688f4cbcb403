/** Runs before the page is drawn, so that a chosen theme does not flash. */
import { readTheme, showTheme } from "./theme.ts";

showTheme(readTheme());
