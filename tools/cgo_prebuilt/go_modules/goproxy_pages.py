"""Pages and server settings of a module site: go-import pages, redirects, nginx, Caddy.

In direct mode the go command asks `https://<path>?go-get=1` for `<meta name="go-import"
content="<path> mod <proxy>">` (https://go.dev/ref/mod, "Finding a repository for a module path").
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

REDIRECTS = "_redirects"
NOT_FOUND = "404.html"
NGINX = "nginx-site.conf"
CADDY = "Caddyfile-site"


def page_path(module: str) -> str:
    """Return the path of a module's page, relative to its host's root."""
    below = module.partition("/")[2]
    return f"{below}/index.html" if below else "index.html"


def module_page(proxies: Mapping[str, str]) -> str:
    """Return a page with go-import lines.

    Args:
        proxies: The URL of the served tree, without a final slash, by module path.
    """
    metas = "".join(
        f'<meta name="go-import" content="{escape(f"{path} mod {proxy}")}">\n'
        for path, proxy in sorted(proxies.items())
    )
    listed = "".join(f"<li><code>go get {escape(path)}</code></li>\n" for path in sorted(proxies))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{metas}<title>Go modules</title>\n</head>\n<body>\n<ul>\n{listed}</ul>\n</body>\n</html>\n"
    )


def not_found_page(proxies: Mapping[str, str]) -> str:
    """Return the 404 page, for hosts that serve one for unknown paths.

    The go command reads it despite its status. It refuses two tags that match one path, so the tag of a
    module also covers the modules below it.
    """
    return module_page(
        {
            path: proxy
            for path, proxy in proxies.items()
            if not any(parent in proxies for parent in _parents(path))
        }
    )


def redirects_file(redirects: Mapping[str, str]) -> str:
    """Return the redirects of Netlify and Cloudflare Pages: `/<path> <URL> 302`, a line each."""
    return "".join(f"/{path} {url} 302\n" for path, url in sorted(redirects.items()))


def parse_redirects(text: str) -> dict[str, str]:
    """Parse `redirects_file`: URLs by path, without the leading slash."""
    fields = (line.split() for line in text.splitlines())
    return {line[0].removeprefix("/"): line[1] for line in fields if len(line) == 3}


def nginx_site(redirects: Mapping[str, str]) -> str:
    """Return directives for a `server` block of nginx."""
    rules = "".join(
        f'location = "/{path}" {{ return 302 "{url}"; }}\n'
        for path, url in sorted(redirects.items())
    )
    return (
        "# For a server block whose root is this folder:\n"
        "#     root /srv/go;\n"
        f"#     include /srv/go/{NGINX};\n"
        f"error_page 404 /{NOT_FOUND};\n"
        "location / {\n    try_files $uri $uri/index.html =404;\n}\n" + rules
    )


def caddy_site(redirects: Mapping[str, str]) -> str:
    """Return directives for a site block of Caddy 2."""
    rules = "".join(f"redir /{path} {url} 302\n" for path, url in sorted(redirects.items()))
    return (
        "# For a site block whose root is this folder:\n"
        "#     root * /srv/go\n"
        f"#     import /srv/go/{CADDY}\n"
        + rules
        + "try_files {path} {path}/index.html\nfile_server\n"
        f"handle_errors {{\n\trewrite * /{NOT_FOUND}\n\tfile_server\n}}\n"
    )


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
