{{target}}
{{port_env}}
{{workdir}}
USER {{user}}
{{expose}}
{{health}}
{{run_note}}
CMD {{cmd}}
