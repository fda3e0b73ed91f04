/** The events of one service among several: each says whose it is, for people and for programs. */
import type { Emit, Event } from "../events.ts";

/** The same with `project` set, steps apart from those of other services, and sentences that begin with the name. */
export function eventsOf(project: string, emit: Emit): Emit {
  return (event) => emit({ ...named(project, event), project });
}

function named(project: string, event: Event): Event {
  switch (event.type) {
    case "message":
    case "update":
      return { ...event, text: `${project}: ${event.text}` };
    case "step.started":
    case "step.finished":
    case "step.failed":
      return { ...event, id: `${project}/${event.id}`, text: `${project}: ${event.text}` };
    case "build.step":
      return { ...event, id: `${project}/${event.id}`, name: `${project}: ${event.name}` };
    case "build.log":
      return { ...event, id: `${project}/${event.id}`, text: `${project}: ${event.text}` };
    case "failed":
      return { ...event, message: `${project}: ${event.message}` };
    case "check":
    case "table":
    case "result":
    case "url":
    case "log":
    case "trace":
    case "cause":
      return event;
  }
}
