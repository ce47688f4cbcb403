/** Texts, times and sizes in the reader's language. */
import frameEn from "../messages/en/frame.json";
import manageEn from "../messages/en/manage.json";
import repositoryEn from "../messages/en/repository.json";
import scanningEn from "../messages/en/scanning.json";
import { keep, read } from "../theme/theme.ts";

const EN = { ...frameEn, ...repositoryEn, ...manageEn, ...scanningEn };

/** A text, or one for each plural category of `count` (https://cldr.unicode.org/index/cldr-spec/plural-rules). */
type Message = string | { readonly one?: string; readonly few?: string; readonly other: string };
export type MessageKey = keyof typeof EN;
type Messages = Readonly<Record<MessageKey, Message>>;
type Values = Readonly<Record<string, string | number>>;

/** The languages, by the names that their readers know. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

/** A pseudo-language from right to left, which tests ask for by `?lang=ar-XB`: all texts are English. */
const RIGHT_TO_LEFT = "ar-XB";
const KEY = "slipway-language";

let language: Language = "en";
let messages: Messages = EN;

export async function startLanguage(): Promise<void> {
  const asked = new URLSearchParams(location.search).get("lang");
  const wished = [asked, read(KEY), ...navigator.languages];
  const found = wished.map((one) => languageOf(one)).find((one) => one !== null);
  await use(found ?? "en");
  if (asked === RIGHT_TO_LEFT) document.documentElement.dir = "rtl";
}

/** Changes the language of this browser; the page is drawn anew by its caller. */
export async function setLanguage(to: Language): Promise<void> {
  keep(KEY, to);
  await use(to);
}

export function currentLanguage(): Language {
  return language;
}

async function use(to: Language): Promise<void> {
  messages = to === "de" ? (await import("./german.ts")).GERMAN : EN;
  language = to;
  document.documentElement.lang = to;
}

function languageOf(tag: string | null): Language | null {
  const name = tag?.split("-", 1)[0]?.toLowerCase();
  return name === "en" || name === "de" ? name : null;
}

/** Returns the text of a key with its values in place of {name}; numbers are written as the language does. */
export function t(key: MessageKey, values: Values = {}): string {
  const message: Message = messages[key];
  const text = typeof message === "string" ? message : pluralOf(message, values["count"]);
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : value;
  });
}

function pluralOf(message: Exclude<Message, string>, count: Values[string] | undefined): string {
  const category = new Intl.PluralRules(language).select(Number(count ?? 0));
  return (category === "one" || category === "few" ? message[category] : null) ?? message.other;
}

export function number(value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Writes a size in powers of 1000, as docker does. */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), UNITS.length - 1);
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: UNITS[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumSignificantDigits: 3,
  }).format(value / 1000 ** power);
}

export function dateTime(time: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(time),
  );
}

export function day(date: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" }).format(
    new Date(date),
  );
}

const STEPS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** Writes how long ago a time was, or how far it is: "3 days ago". */
export function relative(time: string, nowMs = Date.now()): string {
  const seconds = (Date.parse(time) - nowMs) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  }
  return format.format(Math.round(seconds), "second");
}
