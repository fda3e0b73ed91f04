import { Box, Text, useAnimation } from "ink";
import type { ReactNode } from "react";
import { duration } from "../duration.ts";
import { promptText } from "../prompt.ts";
import type { LiveState, StepView } from "./state.ts";

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;

export function View({ state }: { readonly state: LiveState }): ReactNode {
  return (
    <Box flexDirection="column">
      {state.header === "" ? undefined : <Text bold>{state.header}</Text>}
      {state.steps.map((step) =>
        step.state === "running" ? <Running key={step.id} step={step} /> : <Ended key={step.id} step={step} />,
      )}
      {state.build.map((line, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the lines are a window without identity
        <Text key={index} dimColor wrap="truncate">
          {`    ${line}`}
        </Text>
      ))}
      {state.urls.map(({ url, status, text }) => (
        <Text key={url} color={status === "pending" ? "yellow" : "cyan"}>
          {text}
        </Text>
      ))}
      <Footer state={state} />
    </Box>
  );
}

function Running({ step }: { readonly step: StepView }): ReactNode {
  const { frame, time } = useAnimation({ interval: 100 });
  return (
    <Text>
      <Text color="cyan">{SPINNER[frame % SPINNER.length]}</Text> {step.text}...{duration(time)}
    </Text>
  );
}

function Ended({ step }: { readonly step: StepView }): ReactNode {
  const isDone = step.state === "done";
  return (
    <Text>
      <Text color={isDone ? "green" : "red"}>{isDone ? "✓" : "✗"}</Text> {step.text}...
      {isDone ? duration(step.ms) : `failed after ${duration(step.ms)}`}
    </Text>
  );
}

function Footer({ state }: { readonly state: LiveState }): ReactNode {
  if (state.question !== undefined) return <Text>{promptText(state.question.question) + state.question.typed}</Text>;
  return <Text dimColor>{`q or Ctrl+C detaches · v ${state.verbose ? "hides" : "shows"} details`}</Text>;
}
