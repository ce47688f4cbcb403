import frame from "../messages/de/frame.json";
import manage from "../messages/de/manage.json";
import repository from "../messages/de/repository.json";
import scanning from "../messages/de/scanning.json";

export const GERMAN = { ...frame, ...repository, ...manage, ...scanning };
