/** docker leaves out "docker.io/library/", and ":latest" where it is typed; podman writes "localhost/" before a plain name. */
export function isSame(name: string, wanted: string): boolean {
  return whole(name) === whole(wanted);
}

function whole(name: string): string {
  const short = name.replace(/^(?:docker\.io\/(?:library\/)?|localhost\/)/, "");
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}
