import { expect, test } from "bun:test";
import { publicTags } from "../../../cluster/images/languages.ts";
import { librariesNamedBy } from "../../../cluster/images/machine-files.ts";

test("publicTags() joins versions and flavours, each once, and leaves the empty one out", () => {
  expect(publicTags("node", ["20", "20", ""], ["", "alpine"])).toEqual([
    "docker.io/library/node:20",
    "docker.io/library/node:20-alpine",
    "docker.io/library/node:alpine",
  ]);
});

test("librariesNamedBy() takes resolved libraries and the loader, not the kernel's page", () => {
  const output = `/usr/bin/a:
\tlinux-vdso.so.1 (0x00007facbcbf1000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007facbc61e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007facbcbf3000)
/usr/bin/b:
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007facbc61e000)
\tstatically linked
`;
  expect(librariesNamedBy(output)).toEqual(["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
});
