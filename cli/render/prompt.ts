/** Questions as text and answers as values; shared by the renderers that can ask. */
import type { Answer, Question } from "../engine/events.ts";

/** The lines above the prompt, and the prompt itself without a line feed. */
export function promptText(question: Question): string {
  switch (question.kind) {
    case "confirm":
      return `${question.text} ${question.whenEmpty ? "(Y/n)" : "(y/N)"}: `;
    case "choose": {
      const choices = question.choices.map((choice, index) => ` [${index + question.first}] ${choice}`);
      return `${[question.text, ...choices, question.prompt].join("\n")} `;
    }
  }
}

/** `undefined` when the line is no answer and the question must be asked again. */
export function parseAnswer(question: Question, line: string): string | boolean | undefined {
  const typed = line.trim();
  if (typed === "") return question.whenEmpty;
  switch (question.kind) {
    case "confirm":
      if (/^y(?:es)?$/i.test(typed)) return true;
      return /^no?$/i.test(typed) ? false : undefined;
    case "choose":
      if (/^\d+$/.test(typed)) return question.choices[Number(typed) - question.first];
      return question.freeText || question.choices.includes(typed) ? typed : undefined;
  }
}

/** What holds when nobody is asked: `-y` says yes to every question that can be said yes to. */
export function unattendedAnswer(question: Question, yes: boolean): string | boolean {
  return question.kind === "confirm" && yes ? true : question.whenUnattended;
}

/** Types cannot follow a question's kind to its answer's through a promise; this is the one place that says so. */
export function asAnswer<Q extends Question>(question: Q, answer: string | boolean): Answer<Q> {
  const fits = question.kind === "confirm" ? typeof answer === "boolean" : typeof answer === "string";
  if (!fits) throw new TypeError(`\`${question.id}\` got an answer of another kind`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked in the line above
  return answer as Answer<Q>;
}
