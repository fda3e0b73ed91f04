/** Rounds of the fuzz by number: round N of a seed is the same message, cut the same way, on every machine. */
import { type Random, randomFrom } from "../chaos/random.ts";
import { compareChunks, compareRequests, compareResponse } from "./compare.ts";
import { chunkedBodies, cuts, method, requests, responses } from "./messages.ts";

/** What disagreed, with all that is needed to see it again; `undefined` when nothing did. */
export function playRound(seed: number, round: number): string | undefined {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(round, 0x85ebca6b));
  const [disagreement, message] = playOne(random, round % 5);
  return disagreement === undefined
    ? undefined
    : `seed ${seed}, round ${round}: ${disagreement} in ${JSON.stringify(message)}`;
}

function playOne(random: Random, kind: number): readonly [disagreement: string | undefined, message: unknown] {
  if (kind < 2) {
    const text = requests(random);
    const at = cuts(random, text);
    return [compareRequests(text, at), { text, cuts: at }];
  }
  if (kind < 4) {
    const text = responses(random);
    const at = cuts(random, text);
    const about = { method: method(random), ends: random.below(2) === 0 };
    return [compareResponse(text, at, about), { text, cuts: at, ...about }];
  }
  const text = chunkedBodies(random);
  const at = cuts(random, text);
  return [compareChunks(text, at), { text, cuts: at }];
}
