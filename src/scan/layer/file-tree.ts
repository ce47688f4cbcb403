interface Node<File> {
  file: File | null;
  children: Map<string, Node<File>> | null;
}

/** The files of an image as its layers leave them. Each step costs as much as its path is deep. */
export class FileTree<File> {
  readonly #root: Node<File> = { file: null, children: null };

  get(path: string): File | null {
    return this.#find(path)?.file ?? null;
  }

  /** Puts a file in the place of whatever has its path, or has the path of a directory that it is in. */
  set(path: string, file: File): void {
    let node = this.#root;
    for (const name of path.split("/")) {
      node.file = null;
      node.children ??= new Map();
      const child = node.children.get(name) ?? { file: null, children: null };
      node.children.set(name, child);
      node = child;
    }
    node.file = file;
    node.children = null;
  }

  /** Removes a file, or a directory with all that is in it. */
  remove(path: string): void {
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? this.#root : this.#find(path.slice(0, slash));
    parent?.children?.delete(path.slice(slash + 1));
  }

  /** Removes all that is in a directory; "" is the root. */
  empty(path: string): void {
    const node = path === "" ? this.#root : this.#find(path);
    if (node !== null) node.children = null;
  }

  files(): File[] {
    const files: File[] = [];
    const left = [this.#root];
    for (let node = left.pop(); node !== undefined; node = left.pop()) {
      if (node.file !== null) files.push(node.file);
      // A directory's files come in the order in which they were put.
      for (const child of [...(node.children?.values() ?? [])].toReversed()) left.push(child);
    }
    return files;
  }

  #find(path: string): Node<File> | null {
    let node: Node<File> | undefined = this.#root;
    for (const name of path.split("/")) {
      node = node.children?.get(name);
      if (node === undefined) return null;
    }
    return node;
  }
}
