import { render } from "preact";
import { App } from "./frame/app.tsx";
import { startLanguage } from "./i18n/i18n.ts";

const place = document.getElementById("app");
if (place === null) throw new Error("the page has no place for the console");
await startLanguage();
place.replaceChildren();
render(<App />, place);
