/**
 * Groups of artifacts that are in many images, have many advisories, and are not built by Maven: their archives have no
 * pom.properties, and the manifest has no group or a wrong one.
 */
const GROUPS: readonly (readonly [artifact: RegExp, group: string])[] = [
  [/^spring-boot(?:-[a-z-]+)?$/, "org.springframework.boot"],
  [/^spring-security-[a-z0-9-]+$/, "org.springframework.security"],
  [
    /^spring-(?:aop|aspects|beans|context(?:-support)?|core|expression|jcl|jdbc|jms|messaging|orm|oxm|r2dbc|test|tx|web|webflux|webmvc|websocket)$/,
    "org.springframework",
  ],
  [/^tomcat-embed-[a-z]+$/, "org.apache.tomcat.embed"],
  [/^tomcat-(?:api|catalina|coyote|dbcp|jasper|jdbc|juli|util|websocket)$/, "org.apache.tomcat"],
  [/^kafka-(?:clients|streams)$/, "org.apache.kafka"],
  [/^lucene-[a-z0-9-]+$/, "org.apache.lucene"],
  [/^elasticsearch(?:-(?:cli|core|geo|secure-sm|x-content))?$/, "org.elasticsearch"],
  [/^grpc-[a-z-]+$/, "io.grpc"],
  [/^kotlin-(?:stdlib|reflect)(?:-[a-z0-9]+)?$/, "org.jetbrains.kotlin"],
  [/^okhttp$/, "com.squareup.okhttp3"],
  [/^okio$/, "com.squareup.okio"],
];

/** The older libraries of Apache Commons, whose group has the artifact's name. */
const COMMONS =
  /^commons-(?:beanutils|cli|codec|collections|configuration|dbcp|digester|fileupload|httpclient|io|jxpath|lang|logging|net|pool|validator)$/;

/** Returns the group of an artifact; null if it is not known. */
export function groupOf(artifact: string): string | null {
  if (COMMONS.test(artifact)) return artifact;
  return GROUPS.find(([pattern]) => pattern.test(artifact))?.[1] ?? null;
}
