import * as v from "valibot";
import type { Settings } from "../settings.ts";
import type { Robot } from "../db/robots.ts";
import type { Context } from "../http/context.ts";
import { accountName, description, readJson, requireWithin, scopes } from "../http/input.ts";
import { expiryOfNew, expiryOfOld, requireLasting } from "./lasting.ts";
import { listing, pageOf } from "../http/list.ts";
import {
  disabledView,
  found,
  noContent,
  requireChange,
  requireCreated,
  resource,
  timestamp,
  wantedVersion,
} from "../http/resource.ts";
import { Expiry, expiresInDays, mint, tokenView } from "./tokens.ts";

const NewRobot = v.strictObject({
  name: accountName,
  description: v.optional(description, ""),
  scopes,
  expiresInDays,
});

const RobotChange = v.strictObject({
  description: v.optional(description),
  scopes: v.optional(scopes),
  disabled: v.optional(v.boolean()),
});

const NewRobotToken = v.strictObject({
  description: v.optional(description, ""),
  expiresInDays,
});

export async function list(context: Context<"namespace">): Promise<Response> {
  const { url, params, settings, registry } = context;
  const page = pageOf(url.searchParams);
  const robots = await registry.robots.list(params.namespace, page);
  const views = robots.map((robot) => view(robot, settings));
  return listing(url, page, views, ({ name }) => name);
}

/** Creates a robot, with its first secret. */
export async function create(context: Context<"namespace">): Promise<Response> {
  const { request, params, actor, initiator, settings, registry } = context;
  const { namespace } = params;
  const given = await readJson(request, NewRobot);
  requireWithin(namespace, given.scopes);
  const wanted = { days: given.expiresInDays, longest: settings.longestLives.robotToken };
  const { secret, token } = await mint("", expiryOfNew(wanted, actor));
  const robot = {
    name: `${namespace}+${given.name}`,
    description: given.description,
    scopes: given.scopes,
    tokens: [token],
    disabledAt: null,
    disabledBy: null,
    version: 1,
    createdAt: token.createdAt,
  };
  const creation = await registry.robots.create(namespace, robot, token, initiator);
  requireCreated(creation, `the robot ${robot.name}`);
  const location = `/api/v1/namespaces/${namespace}/robots/${given.name}`;
  const toJson = { ...view(robot, settings), secret };
  return resource(toJson, { status: 201, location });
}

/** Reads a robot. Its tokens are added, deleted and used without a new version of it. */
export async function read(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, settings, registry } = context;
  const robot = await registry.robots.find(nameOf(params).name);
  return found(request, view(robot, settings), "more");
}

export async function update(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, actor, initiator, settings, registry } = context;
  const { name } = nameOf(params);
  const version = await wantedVersion(request, () => registry.robots.find(name));
  const given = await readJson(request, RobotChange);
  requireChange(given);
  if (given.scopes !== undefined) {
    requireWithin(params.namespace, given.scopes);
    // The robot may have secrets that do not end.
    requireLasting(actor, "other scopes of a robot");
  }
  if (given.disabled === false) requireLasting(actor, "an enabled robot");
  const change = {
    description: given.description ?? null,
    scopes: given.scopes ?? null,
    disabled: given.disabled ?? null,
  };
  const robot = await registry.robots.update(nameOf(params), change, version, initiator);
  return resource(view(robot, settings));
}

export async function remove(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, initiator, registry } = context;
  const { name } = nameOf(params);
  const version = await wantedVersion(request, () => registry.robots.find(name));
  await registry.robots.remove(nameOf(params), version, initiator);
  return noContent();
}

/** Adds a secret, so that the old one can be deleted when nothing uses it any more. */
export async function createToken(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, actor, initiator, settings, registry } = context;
  const given = await readJson(request, NewRobotToken);
  const wanted = { days: given.expiresInDays, longest: settings.longestLives.robotToken };
  const { secret, token } = await mint(given.description, expiryOfNew(wanted, actor));
  const { namespace, name } = nameOf(params);
  await registry.tokens.addToRobot(namespace, name, token, initiator);
  // No Location: a token has no path of its own.
  return Response.json({ ...tokenView(token, wanted.longest), secret }, { status: 201 });
}

export async function updateToken(
  context: Context<"namespace" | "robot" | "token">,
): Promise<Response> {
  const { request, params, actor, initiator, settings, registry } = context;
  const { expiresInDays: days } = await readJson(request, Expiry);
  const wanted = { days, longest: settings.longestLives.robotToken };
  const { namespace, name } = nameOf(params);
  const token = await registry.tokens.prolongForRobot(
    namespace,
    { robot: name, id: params.token },
    (current) => expiryOfOld(current, wanted, actor),
    initiator,
  );
  return Response.json(tokenView(token, wanted.longest));
}

export async function removeToken(
  context: Context<"namespace" | "robot" | "token">,
): Promise<Response> {
  const { params, initiator, registry } = context;
  const { namespace, name } = nameOf(params);
  await registry.tokens.removeFromRobot(namespace, name, params.token, initiator);
  return noContent();
}

function nameOf({ namespace, robot }: Context<"namespace" | "robot">["params"]) {
  return { namespace, name: `${namespace}+${robot}` };
}

function view(robot: Robot, { longestLives }: Settings) {
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
