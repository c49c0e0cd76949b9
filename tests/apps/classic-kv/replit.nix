{ pkgs }: {
  deps = [
    pkgs.python310Full
    pkgs.ffmpeg
  ];
}
