/** Where the reader is, as the part of the address behind `#`: a page is a link that can be sent to a colleague. Pure. */
export type Route =
  | { readonly page: "cluster" }
  | { readonly page: "host"; readonly id: string }
  | { readonly page: "vms"; readonly host: string; readonly name: string }
  | { readonly page: "vm"; readonly name: string }
  | { readonly page: "what-if"; readonly vcpus: string; readonly memoryGiB: string; readonly ratio: string }
  | { readonly page: "estimates"; readonly host: string }
  | { readonly page: "unknown"; readonly path: string };

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray `%` that somebody typed is meant as it stands.
    return text;
  }
};

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/");
  const words = new URLSearchParams(query);
  const name = decode(rest.join("/"));
  if (page === "") return { page: "cluster" };
  if (page === "hosts" && name !== "") return { page: "host", id: name };
  if (page === "vms" && name !== "") return { page: "vm", name };
  if (page === "vms") return { page: "vms", host: words.get("host") ?? "", name: words.get("name") ?? "" };
  if (page === "estimates") return { page: "estimates", host: words.get("host") ?? "" };
  if (page === "what-if") {
    return {
      page: "what-if",
      vcpus: words.get("vcpus") ?? "2",
      memoryGiB: words.get("memory") ?? "4",
      ratio: words.get("ratio") ?? "1",
    };
  }
  return { page: "unknown", path };
}

function withQuery(path: string, words: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(words).filter(([, value]) => value !== "")).toString();
  return query === "" ? path : `${path}?${query}`;
}

export function hrefOf(route: Exclude<Route, { page: "unknown" }>): string {
  switch (route.page) {
    case "cluster":
      return "#/";
    case "host":
      return `#/hosts/${encodeURIComponent(route.id)}`;
    case "vm":
      return `#/vms/${encodeURIComponent(route.name)}`;
    case "vms":
      return withQuery("#/vms", { host: route.host, name: route.name });
    case "estimates":
      return withQuery("#/estimates", { host: route.host });
    case "what-if":
      return withQuery("#/what-if", { vcpus: route.vcpus, memory: route.memoryGiB, ratio: route.ratio });
  }
}
