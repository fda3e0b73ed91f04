/** What a service that is up goes through, wherever its images are. */
import { expect } from "bun:test";
import type { Project } from "./project.ts";
import { readySessionPod, type SessionPod } from "./session-pods.ts";

/** Brings up, saves a file in place and has a new image built. @param see gets the first pod */
export async function upSaveRebuild(
  project: Project,
  space: string,
  see: (first: SessionPod) => void | Promise<void>,
): Promise<void> {
  const command = project.start(["up", "--no-tui"]);
  await command.until(/Press Ctrl\+C to detach/);
  const first = await readySessionPod(space);
  await see(first);
  project.write("service.json", JSON.stringify({ name: "saved" }));
  await command.until(/saved listens/);
  expect((await readySessionPod(space)).name).toBe(first.name);
  project.edit("Dockerfile.develop", "COPY . .", "ENV CHANGED=1\nCOPY . .");
  await command.until(/changed: rebuilding the image[^]*Waiting for container\.\.\.<?\d/);
  const next = await readySessionPod(space, first.name);
  expect(next.image).not.toBe(first.image);
  await command.stop();
}
