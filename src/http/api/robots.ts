import * as v from "valibot";
import type { Robot } from "../../registry/registry.ts";
import type { Context } from "../context.ts";
import { accountName, description, readJson, requireWithin, scopes } from "./input.ts";
import { listing, pageOf } from "./listing.ts";
import {
  found,
  noContent,
  requireChange,
  requireCreated,
  resource,
  timestamp,
  wantedVersion,
} from "./resource.ts";
import { expiresInDays, expiry, mint, tokenView } from "./tokens.ts";

const NewRobot = v.strictObject({
  name: accountName,
  description: v.optional(description, ""),
  scopes,
  expiresInDays,
});

const RobotChange = v.strictObject({
  description: v.optional(description),
  scopes: v.optional(scopes),
});

const NewRobotToken = v.strictObject({
  description: v.optional(description, ""),
  expiresInDays,
});

export async function list({ url, params, registry }: Context<"namespace">): Promise<Response> {
  const page = pageOf(url.searchParams);
  const robots = await registry.robots.list(params.namespace, page);
  return listing(url, page, robots.map(view), ({ name }) => name);
}

/** The robot, with its first secret. */
export async function create(context: Context<"namespace">): Promise<Response> {
  const { request, params, actor, origin, registry } = context;
  const { namespace } = params;
  const given = await readJson(request, NewRobot);
  requireWithin(namespace, given.scopes);
  const { secret, token } = await mint("", expiry(given.expiresInDays, actor));
  const robot = {
    name: `${namespace}+${given.name}`,
    description: given.description,
    scopes: given.scopes,
    tokens: [token],
    version: 1,
    createdAt: token.createdAt,
  };
  const creation = await registry.robots.create(namespace, robot, token, origin);
  requireCreated(creation, `the robot ${robot.name}`);
  const location = `/api/v1/namespaces/${namespace}/robots/${given.name}`;
  const shown = { ...view(robot), secret };
  return resource(shown, { status: 201, location });
}

/** Its tokens come, go and are used without a new version of the robot. */
export async function read(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, registry } = context;
  return found(request, view(await registry.robots.find(nameOf(params).name)), "more");
}

export async function update(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, origin, registry } = context;
  const { name } = nameOf(params);
  const version = await wantedVersion(request, () => registry.robots.find(name));
  const given = await readJson(request, RobotChange);
  requireChange(given);
  if (given.scopes !== undefined) requireWithin(params.namespace, given.scopes);
  const change = { description: given.description ?? null, scopes: given.scopes ?? null };
  const robot = await registry.robots.update(nameOf(params), change, version, origin);
  return resource(view(robot));
}

export async function remove(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, origin, registry } = context;
  const { name } = nameOf(params);
  const version = await wantedVersion(request, () => registry.robots.find(name));
  await registry.robots.remove(nameOf(params), version, origin);
  return noContent();
}

/** A further secret, so that the old one can be deleted once nothing uses it. */
export async function createToken(context: Context<"namespace" | "robot">): Promise<Response> {
  const { request, params, actor, origin, registry } = context;
  const given = await readJson(request, NewRobotToken);
  const { secret, token } = await mint(given.description, expiry(given.expiresInDays, actor));
  const { namespace, name } = nameOf(params);
  await registry.tokens.addToRobot(namespace, name, token, origin);
  // Without a Location: a token is not read by a path of its own.
  return Response.json({ ...tokenView(token), secret }, { status: 201 });
}

export async function removeToken(
  context: Context<"namespace" | "robot" | "token">,
): Promise<Response> {
  const { params, origin, registry } = context;
  const { namespace, name } = nameOf(params);
  await registry.tokens.removeFromRobot(namespace, name, params.token, origin);
  return noContent();
}

function nameOf({ namespace, robot }: Context<"namespace" | "robot">["params"]) {
  return { namespace, name: `${namespace}+${robot}` };
}

function view(robot: Robot) {
  return {
    name: robot.name,
    description: robot.description,
    scopes: robot.scopes,
    tokens: robot.tokens.map(tokenView),
    version: robot.version,
    createdAt: timestamp(robot.createdAt),
  };
}
