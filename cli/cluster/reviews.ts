/** Questions about oneself through client-node's typed calls. */
import {
  ApiException,
  AuthenticationV1Api,
  AuthorizationV1Api,
  createConfiguration,
  type Configuration,
  type KubeConfig,
  ServerConfiguration,
  VersionApi,
} from "@kubernetes/client-node";
import { KubeError } from "../../core/kube/types.ts";
import { API_CALL_MS_MAX } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";
import type { Reviews } from "./cluster.ts";

/** @throws KubeError for an answer that is no success */
export function createReviews(config: KubeConfig, server: string): Reviews {
  const configuration = (signal: AbortSignal | undefined): Configuration => configurationFor(config, server, signal);
  return {
    allowed: async (right, signal) => {
      const { namespace, name, subresource, ...rest } = right;
      const resourceAttributes = {
        ...rest,
        ...(namespace === undefined ? {} : { namespace }),
        ...(name === undefined ? {} : { name }),
        ...(subresource === undefined ? {} : { subresource }),
      };
      const api = new AuthorizationV1Api(configuration(signal));
      const review = await translated(api.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } }));
      return review.status?.allowed ?? false;
    },
    whoAmI: async (signal) => {
      const review = await translated(
        new AuthenticationV1Api(configuration(signal)).createSelfSubjectReview({ body: {} }),
      );
      const user = review.status?.userInfo;
      return { username: user?.username ?? "", groups: user?.groups ?? [] };
    },
    version: async (signal) => {
      const { major, minor, gitVersion } = await translated(new VersionApi(configuration(signal)).getCode());
      // Managed clusters say `34+`.
      return { major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10), text: gitVersion };
    },
  };
}

function configurationFor(config: KubeConfig, server: string, signal: AbortSignal | undefined): Configuration {
  const limit = AbortSignal.timeout(API_CALL_MS_MAX);
  return createConfiguration({
    baseServer: new ServerConfiguration(server, {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        pre: async (request) => {
          request.setSignal(signal === undefined ? limit : AbortSignal.any([signal, limit]));
          return request;
        },
        post: async (response) => response,
      },
    ],
  });
}

async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    const status = statusOf(error.body);
    throw new KubeError(
      error.code,
      asString(at(status, "reason")) ?? "",
      asString(at(status, "message")) ?? error.message,
    );
  }
}

/** The body is text where the server's answer was not in the API description. */
function statusOf(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return { message: body.trim() };
  }
}
