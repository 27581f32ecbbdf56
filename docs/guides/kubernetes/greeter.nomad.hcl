# The wanted version is a key in Consul (or a Nomad variable): a template without a restart is a file that
# changes, and the task upgrades itself.
job "greeter" {
  type = "service"

  group "greeter" {
    count = 3

    network {
      port "http" {}
    }

    update {
      max_parallel = 1
      health_check = "checks"
    }

    task "greeter" {
      driver = "docker"
      # A client allows 30s, unless its max_kill_timeout says more.
      kill_timeout = "45s"
      kill_signal  = "SIGTERM"

      config {
        image = "registry.example/team/greeter-image:1.0.0"
        args  = ["foreground", "--follow", "/local/release"]
        ports = ["http"]
      }

      env {
        PORT = "${NOMAD_PORT_http}"
      }

      template {
        data        = "{{ key \"greeter/release\" }}"
        destination = "local/release"
        change_mode = "noop"
      }

      service {
        name = "greeter"
        port = "http"

        check {
          type     = "http"
          path     = "/"
          interval = "5s"
          timeout  = "10s"
        }
      }

      resources {
        cpu        = 250
        memory     = 256
        memory_max = 512
      }
    }
  }
}
