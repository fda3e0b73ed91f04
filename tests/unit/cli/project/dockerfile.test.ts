import { describe, expect, test } from "bun:test";
import { imageRegistries } from "../../../../cli/project/dockerfile.ts";

describe("imageRegistries()", () => {
  test.each([
    ["FROM node:20", ["docker.io"]],
    ["FROM library/node:20", ["docker.io"]],
    ["FROM --platform=linux/amd64 ghcr.test/a/b:1 AS base\nFROM base\nCOPY --from=base /x /x", ["ghcr.test"]],
    ["FROM scratch\nCOPY --from=0 /x /x", []],
    ["FROM localhost/a\nFROM host:5000/b", ["localhost", "host:5000"]],
    ["FROM a.test/x\nCOPY --chown=1 --from=b.test/y /a /b", ["a.test", "b.test"]],
    ["FROM scratch\nRUN --mount=type=bind,from=c.test/z,target=/z true", ["c.test"]],
    ["# syntax=d.test/docker/dockerfile:1\nFROM scratch", ["d.test"]],
    ["ARG BASE=e.test/x\nFROM ${BASE}:1", ["e.test"]],
    ["ARG REGISTRY\nFROM $REGISTRY/x:1", ["given.test"]],
    ["FROM ${OTHER:-f.test}/x", ["f.test"]],
    ["", []],
  ])("of %p", (text, registries) => {
    expect(imageRegistries(text, { REGISTRY: "given.test" })).toEqual(registries);
  });
});
