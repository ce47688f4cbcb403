import type { Settings } from "../settings.ts";
import type { Robot as StoredRobot } from "../db/robots.ts";
import type { Params } from "../http/context.ts";
import { requireWithin } from "../http/input.ts";
import {
  disabledView,
  requireChange,
  requireCreated,
  timestamp,
  wantedVersion,
} from "../http/resource.ts";
import { changed, created, issued, none, one, page, versioned } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { expiryOfOld } from "./lasting.ts";
import { PAGE, paged, withNext } from "./query.ts";
import {
  Expiry,
  MadeRobot,
  MadeRobotToken,
  NewRobot,
  NewRobotToken,
  Robot,
  RobotChange,
  RobotToken,
} from "./schema/accounts.ts";
import { mint, tokenView } from "./tokens.ts";

const list = endpoint(
  "GET /namespaces/:namespace/robots",
  {
    id: "listRobots",
    summary: "List a namespace's robots",
    access: "own",
    query: PAGE,
    answer: page(Robot),
    refuses: ["NOT_FOUND"],
  },
  async ({ query, params, settings, registry }) => {
    const robots = await registry.robots.list(params.namespace, withNext(query));
    const views = robots.map((robot) => view(robot, settings));
    return paged(query, views, ({ name }) => name);
  },
);

const create = endpoint(
  "POST /namespaces/:namespace/robots",
  {
    id: "createRobot",
    summary: "Create a robot, with its first secret",
    access: "own",
    body: NewRobot,
    answer: created(MadeRobot),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body, params, actor, initiator, settings, registry }) => {
    const { namespace } = params;
    requireWithin(namespace, body.scopes);
    const wanted = { days: body.expiresInDays, longest: settings.longestLives.robotToken };
    const { secret, token } = await mint("", wanted, actor);
    const robot = {
      name: `${namespace}+${body.name}`,
      description: body.description,
      scopes: body.scopes,
      tokens: [token],
      disabledAt: null,
      disabledBy: null,
      version: 1,
      createdAt: token.createdAt,
    };
    const creation = await registry.robots.create(namespace, robot, token, initiator);
    requireCreated(creation, `the robot ${robot.name}`);
    const location = `/namespaces/${namespace}/robots/${body.name}`;
    return { value: { ...view(robot, settings), secret }, location };
  },
);

/** Reads a robot. Its tokens are added, deleted and used without a new version of it. */
const read = endpoint(
  "GET /namespaces/:namespace/robots/:robot",
  {
    id: "readRobot",
    summary: "Read a robot",
    access: "own",
    answer: versioned(Robot, "more"),
    refuses: ["NOT_FOUND"],
  },
  async ({ params, settings, registry }) =>
    view(await registry.robots.find(nameOf(params).name), settings),
);

const update = endpoint(
  "PATCH /namespaces/:namespace/robots/:robot",
  {
    id: "updateRobot",
    summary: "Change a robot, or disable it",
    access: "own",
    // The robot may have secrets that do not end.
    lasts: ({ scopes, disabled }) =>
      scopes !== undefined
        ? "other scopes of a robot"
        : disabled === false
          ? "an enabled robot"
          : null,
    body: RobotChange,
    ifMatch: true,
    answer: changed(Robot),
    refuses: ["NOT_FOUND"],
  },
  async ({ request, body, params, initiator, settings, registry }) => {
    const robot = nameOf(params);
    const version = await wantedVersion(request, () => registry.robots.find(robot.name));
    requireChange(body);
    if (body.scopes !== undefined) requireWithin(params.namespace, body.scopes);
    const change = {
      description: body.description ?? null,
      scopes: body.scopes ?? null,
      disabled: body.disabled ?? null,
    };
    return view(await registry.robots.update(robot, change, version, initiator), settings);
  },
);

const remove = endpoint(
  "DELETE /namespaces/:namespace/robots/:robot",
  {
    id: "deleteRobot",
    summary: "Delete a robot",
    access: "own",
    ifMatch: true,
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  async ({ request, params, initiator, registry }) => {
    const robot = nameOf(params);
    const version = await wantedVersion(request, () => registry.robots.find(robot.name));
    await registry.robots.remove(robot, version, initiator);
  },
);

/** Adds a secret, so that the old one can be deleted when nothing uses it any more. */
const createToken = endpoint(
  "POST /namespaces/:namespace/robots/:robot/tokens",
  {
    id: "createRobotToken",
    summary: "Create a further secret, for rotation",
    access: "own",
    body: NewRobotToken,
    answer: issued(MadeRobotToken),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body, params, actor, initiator, settings, registry }) => {
    const wanted = { days: body.expiresInDays, longest: settings.longestLives.robotToken };
    const { secret, token } = await mint(body.description, wanted, actor);
    const { namespace, name } = nameOf(params);
    await registry.tokens.addToRobot(namespace, name, token, initiator);
    return { ...tokenView(token, wanted.longest), secret };
  },
);

const updateToken = endpoint(
  "PATCH /namespaces/:namespace/robots/:robot/tokens/:token",
  {
    id: "updateRobotToken",
    summary: "Change when a secret expires",
    access: "own",
    body: Expiry,
    answer: one(RobotToken),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body, params, actor, initiator, settings, registry }) => {
    const wanted = { days: body.expiresInDays, longest: settings.longestLives.robotToken };
    const { namespace, name } = nameOf(params);
    const token = await registry.tokens.prolongForRobot(
      namespace,
      { robot: name, id: params.token },
      (current) => expiryOfOld(current, wanted, actor),
      initiator,
    );
    return tokenView(token, wanted.longest);
  },
);

const removeToken = endpoint(
  "DELETE /namespaces/:namespace/robots/:robot/tokens/:token",
  {
    id: "deleteRobotToken",
    summary: "Delete one secret",
    access: "own",
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  async ({ params, initiator, registry }) => {
    const { namespace, name } = nameOf(params);
    await registry.tokens.removeFromRobot(namespace, name, params.token, initiator);
  },
);

export const ROBOTS: readonly Endpoint[] = [
  list,
  create,
  read,
  update,
  remove,
  createToken,
  updateToken,
  removeToken,
];

function nameOf({ namespace, robot }: Pick<Params, "namespace" | "robot">) {
  return { namespace, name: `${namespace}+${robot}` };
}

function view(robot: StoredRobot, { longestLives }: Settings) {
  return {
    name: robot.name,
    description: robot.description,
    scopes: robot.scopes,
    tokens: robot.tokens.map((token) => tokenView(token, longestLives.robotToken)),
    ...disabledView(robot),
    version: robot.version,
    createdAt: timestamp(robot.createdAt),
  };
}
