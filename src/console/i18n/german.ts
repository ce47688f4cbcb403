import frame from "../messages/de/frame.json";
import manage from "../messages/de/manage.json";
import repository from "../messages/de/repository.json";

export const GERMAN = { ...frame, ...repository, ...manage };
